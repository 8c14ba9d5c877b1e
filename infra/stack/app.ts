import { shapeOf } from "./settings.ts";

/**
 * The app as SST wants it. The region is that of AWS_REGION or of the profile. It takes any stage: what is thrown here, SST
 * shows in its log alone. `settingsOf` in `run()` refuses a wrong one before anything is made, and is heard.
 */
export function appOf(stage: string, variables: Readonly<Record<string, string | undefined>>) {
  const { shape, isProtected } = shapeOf(stage);
  const region = variables.AWS_REGION || undefined;
  return {
    name: "kilotune",
    home: "aws" as const,
    removal: isProtected ? ("retain" as const) : ("remove" as const),
    protect: isProtected,
    providers: {
      aws: {
        ...(region !== undefined && { region: region as aws.Region }),
        defaultTags: { tags: { app: "kilotune", stage, shape } },
      },
    },
  };
}
