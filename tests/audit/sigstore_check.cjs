// Lets sigstore's own verifier read one of our proofs: JSON on stdin, exit 0 only when it accepts everything.
const path = require("node:path");
const { createPublicKey } = require("node:crypto");

const dist = path.join(process.argv[2], "@sigstore", "verify", "dist", "tlog");
const { verifyCheckpoint } = require(path.join(dist, "checkpoint.js"));
const { verifyMerkleInclusion } = require(path.join(dist, "merkle.js"));

const given = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
const bytes = (text) => Buffer.from(text, "base64");
const log = {
  logID: bytes(given.keyId),
  baseURL: given.origin,
  publicKey: createPublicKey({ key: bytes(given.publicKey), format: "der", type: "spki" }),
};
const entry = {
  canonicalizedBody: bytes(given.leaf),
  inclusionProof: {
    logIndex: String(given.index),
    hashes: given.hashes.map(bytes),
    checkpoint: { envelope: given.checkpoint },
  },
};
verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
