// Uploads one file with a client of others, and prints the address of the upload.
// node upload.mjs CLIENT URL TOKEN FILE METADATA-JSON OPTIONS-JSON

import fs from "node:fs";

const [client, url, token, file, metadata, options] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };

async function tusJs() {
  const { Upload } = await import("tus-js-client");
  const { source, stopAfterFirstChunk, ...chosen } = JSON.parse(options);
  const body = source === "buffer" ? fs.readFileSync(file) : fs.createReadStream(file);
  return new Promise((resolve, reject) => {
    const upload = new Upload(body, {
      endpoint: `${url}/api/uploads`,
      uploadUrl: null,
      headers,
      metadata: JSON.parse(metadata),
      ...(source === "buffer" ? {} : { uploadSize: fs.statSync(file).size }),
      retryDelays: [0, 200, 500],
      onError: reject,
      onSuccess: () => resolve(upload.url),
      onChunkComplete: () => {
        if (stopAfterFirstChunk) upload.abort(true).then(() => resolve(upload.url), reject);
      },
      ...chosen,
    });
    upload.start();
  });
}

async function uppy() {
  const [{ default: Uppy }, { default: Tus }] = await Promise.all([import("@uppy/core"), import("@uppy/tus")]);
  const app = new Uppy().use(Tus, { endpoint: `${url}/api/uploads`, headers, ...JSON.parse(options) });
  const data = fs.readFileSync(file); // on Node.js a Buffer stands for a browser's File
  data.size = data.length;
  app.addFile({ name: "clip.mkv", type: "video/x-matroska", data, meta: JSON.parse(metadata) });
  const { successful, failed } = await app.upload();
  if (failed.length) throw failed[0].error;
  return successful[0].uploadURL;
}

try {
  console.log(await { "tus-js-client": tusJs, uppy }[client]());
  process.exit(0);
} catch (error) {
  console.error(String(error.stack ?? error));
  process.exit(1);
}
