"""Small DICOM files and what pydicom 3.0 makes of their pixels. python make.py (pydicom, numpy, Pillow)"""
import io, json, pathlib
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut, convert_color_space
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

here = pathlib.Path(__file__).parent
wanted = {}
rng = np.random.default_rng(3)


def make(name, pixels, syntax=ExplicitVRLittleEndian, frame=0, **tags):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=syntax == ImplicitVRLittleEndian, is_little_endian=syntax != ExplicitVRBigEndian)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Doe^Jane", "P-12345", "19700101"
    ds.Modality = "CT"
    ds.Rows, ds.Columns = pixels.shape[1:3]
    ds.NumberOfFrames = pixels.shape[0]
    ds.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = ds.BitsAllocated
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    for key, value in tags.items():
        setattr(ds, key, value)
    ds.HighBit = ds.BitsStored - 1
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = tags.get("PlanarConfiguration", 0)
        stored = pixels.transpose(0, 3, 1, 2) if ds.PlanarConfiguration else pixels
    else:
        stored = pixels
    if syntax == JPEGBaseline8Bit:
        frames = []
        for one in pixels:
            out = io.BytesIO()
            Image.fromarray(one).save(out, "JPEG", quality=95)
            frames.append(out.getvalue())
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].VR = "OB"
        decoded = np.array(Image.open(io.BytesIO(frames[frame])))
    else:
        big = syntax == ExplicitVRBigEndian
        ds.PixelData = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
        ds["PixelData"].VR = "OW" if ds.BitsAllocated == 16 else "OB"
        decoded = pixels[frame]
        if syntax == RLELossless:
            ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.compress(RLELossless)
    ds.save_as(here / f"{name}.dcm", enforce_file_format=True)
    if ds.SamplesPerPixel == 3:
        values = convert_color_space(decoded, "YBR_FULL", "RGB") if ds.PhotometricInterpretation == "YBR_FULL" else decoded
    else:
        like = ds
        if "PerFrameFunctionalGroupsSequence" in ds:
            like = Dataset()
            like.update(ds)
            group = ds.PerFrameFunctionalGroupsSequence[frame]
            like.update(group.PixelValueTransformationSequence[0])
            like.update(ds.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0])
        measured = apply_modality_lut(decoded, like).astype(np.float64)
        if "WindowWidth" in like:
            # pydicom keeps the range of what can be stored: told that measured numbers are the stored ones, it gives 0 .. 255.
            plain = Dataset()
            plain.WindowCenter, plain.WindowWidth = like.WindowCenter, like.WindowWidth
            plain.VOILUTFunction = like.get("VOILUTFunction", "LINEAR")
            plain.PhotometricInterpretation, plain.BitsStored, plain.PixelRepresentation = "MONOCHROME2", 8, 0
            values = apply_voi_lut(measured, plain)
        else:
            values = 255 * (measured - measured.min()) / (measured.max() - measured.min())
        values = np.floor(values + 0.5)
        if ds.PhotometricInterpretation == "MONOCHROME1":
            values = 255 - values
    wanted[name] = {"frame": frame, "frames": int(pixels.shape[0]), "pixels": np.clip(values, 0, 255).astype(int).flatten().tolist()}


ct = rng.integers(0, 2000, (1, 5, 7)).astype(np.uint16)
hu = dict(RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400, BitsStored=12)
make("mono2", ct, **hu)
make("mono1", ct, PhotometricInterpretation="MONOCHROME1", **hu)
make("negative-slope", ct, RescaleSlope=-10, RescaleIntercept=300, WindowCenter=-9000, WindowWidth=12000, BitsStored=12)
make("implicit", ct, syntax=ImplicitVRLittleEndian, **hu)
make("big-endian", ct, syntax=ExplicitVRBigEndian, **hu)
make("signed", rng.integers(-900, 900, (1, 5, 7)).astype(np.int16), WindowCenter=0, WindowWidth=1000)
make("no-window", rng.integers(-900, 900, (1, 5, 7)).astype(np.int16))
make("sigmoid", ct, **{**hu, "VOILUTFunction": "SIGMOID"})
make("exact", ct, **{**hu, "VOILUTFunction": "LINEAR_EXACT"})
make("frames", rng.integers(0, 255, (3, 4, 6)).astype(np.uint8), frame=2)
make("rle-frames", np.repeat(rng.integers(0, 4000, (3, 4, 3)).astype(np.uint16), 2, axis=2), syntax=RLELossless, frame=1, WindowCenter=2000, WindowWidth=3000)
colour = rng.integers(0, 255, (2, 4, 6, 3)).astype(np.uint8)
make("rgb", colour, frame=1, PhotometricInterpretation="RGB")
make("rgb-planar", colour, frame=1, PhotometricInterpretation="RGB", PlanarConfiguration=1)
make("rgb-rle", colour, frame=1, syntax=RLELossless, PhotometricInterpretation="RGB")
make("ybr", colour, PhotometricInterpretation="YBR_FULL")
smooth = np.add.outer(np.arange(16) * 6, np.arange(16) * 9).astype(np.uint8)[None]
make("jpeg", smooth, syntax=JPEGBaseline8Bit, WindowCenter=100, WindowWidth=150)
shared, window = Dataset(), Dataset()
window.WindowCenter, window.WindowWidth = 500, 900
shared.FrameVOILUTSequence = Sequence([window])
groups = []
for slope in (1, 2):
    transform, group = Dataset(), Dataset()
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = slope, -slope * 10, "US"
    group.PixelValueTransformationSequence = Sequence([transform])
    groups.append(group)
make("enhanced", rng.integers(0, 600, (2, 4, 6)).astype(np.uint16), frame=1, SharedFunctionalGroupsSequence=Sequence([shared]), PerFrameFunctionalGroupsSequence=Sequence(groups))
(here / "wanted.json").write_text(json.dumps(wanted) + "\n")
