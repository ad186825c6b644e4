// knex wants its configuration beside its package.
module.exports = {
  client: "pg",
  connection: process.env.DATABASE_URL,
  migrations: { directory: process.env.KNEX_DIRECTORY, loadExtensions: [".cjs"] },
};
