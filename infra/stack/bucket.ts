import { settings } from "./here.ts";
import { key } from "./keys.ts";

/** All blobs, `tenants/<tenant>/..`, and the layers that are too large to be sent within a call, `layers/..`. */
export const bucket = new sst.aws.Bucket("Blobs", {
  versioning: true,
  // SST's default lets every web page of the world call it.
  cors: false,
  transform: {
    bucket(args) {
      // SST's default throws a bucket away with all that is in it.
      args.forceDestroy = !settings.isProtected;
    },
  },
});

new aws.s3.BucketServerSideEncryptionConfiguration("BlobsEncryption", {
  bucket: bucket.name,
  rules: [
    {
      applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
      bucketKeyEnabled: true,
    },
  ],
});

// With raw rules, since SST's know no versions. A removed blob is gone for good after these days, an erased tenant's at once.
new aws.s3.BucketLifecycleConfiguration("BlobsLifecycle", {
  bucket: bucket.name,
  rules: [
    {
      id: "tenants",
      status: "Enabled",
      filter: { prefix: "tenants/" },
      noncurrentVersionExpiration: { noncurrentDays: settings.oldVersionDays },
      expiration: { expiredObjectDeleteMarker: true },
      abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
    },
    {
      id: "layers",
      status: "Enabled",
      filter: { prefix: "layers/" },
      noncurrentVersionExpiration: { noncurrentDays: 30 },
      abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
    },
  ],
});

new aws.s3.BucketOwnershipControls("BlobsOwnership", {
  bucket: bucket.name,
  rule: { objectOwnership: "BucketOwnerEnforced" },
});
