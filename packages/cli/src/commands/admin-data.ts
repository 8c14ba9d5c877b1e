/** Of the commands that open a server's folder. */
export const DATA_FLAG = {
  kind: "text",
  value: "DIR",
  about: "The server's folder",
  default: "./data",
} as const;
