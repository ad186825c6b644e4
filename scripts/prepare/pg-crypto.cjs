// In the place of pg/lib/crypto/utils.js in the bundles. That one goes through the Web Crypto API, so that it runs anywhere:
// to set that up takes every start some milliseconds, and each step of a log-in a turn of the event loop. This is the same
// on Node's own functions; left-out.test.ts compares the two.
const crypto = require("node:crypto"); // its members only where they are used: see "late" in left-out.mjs
const { promisify } = require("node:util");

module.exports = {
  randomBytes: (size) => crypto.randomBytes(size),
  // On another thread: a server may ask for many rounds.
  deriveKey: (password, salt, iterations) =>
    promisify(crypto.pbkdf2)(password, salt, iterations, 32, "sha256"),
  sha256: async (data) => crypto.createHash("sha256").update(data).digest(),
  hashByName: async (name, data) => crypto.createHash(name).update(data).digest(),
  hmacSha256: async (key, message) => crypto.createHmac("sha256", key).update(message).digest(),
  md5: async (text) => md5(text),
  postgresMd5PasswordHash: async (user, password, salt) =>
    `md5${md5(Buffer.concat([Buffer.from(md5(password + user)), salt]))}`,
};

function md5(data) {
  return crypto.createHash("md5").update(data).digest("hex");
}
