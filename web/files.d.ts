/** The build puts the file beside the script, and its address from there in the place of the import. */
declare module '*.svg' {
  const url: string;
  export default url;
}
