// In the place of pg/lib/crypto/utils.js in the bundles. That one goes through the Web Crypto API, so that it runs anywhere:
// to set that up takes every start some milliseconds, and each step of a log-in a turn of the event loop. This is the same
// on Node's own functions; prepare.test.ts compares the two.
const { createHash, createHmac, pbkdf2, randomBytes } = require("node:crypto");
const { promisify } = require("node:util");

const derive = promisify(pbkdf2);

module.exports = {
  randomBytes,
  // On another thread: a server may ask for many rounds.
  deriveKey: (password, salt, iterations) => derive(password, salt, iterations, 32, "sha256"),
  sha256: async (data) => createHash("sha256").update(data).digest(),
  hashByName: async (name, data) => createHash(name).update(data).digest(),
  hmacSha256: async (key, message) => createHmac("sha256", key).update(message).digest(),
  md5: async (text) => md5(text),
  postgresMd5PasswordHash: async (user, password, salt) =>
    `md5${md5(Buffer.concat([Buffer.from(md5(password + user)), salt]))}`,
};

function md5(data) {
  return createHash("md5").update(data).digest("hex");
}
