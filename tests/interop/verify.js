// SPDX-License-Identifier: Apache-2.0
// node verify.js RECEIPT VKEY: a receipt of epoch 0 by the parts of @sigstore/verify that judge an entry of a transparency log, its
// checkpoint and its inclusion proof. The rest of that package wants certificates, which a ledger has none of. Exit status 0 or 1;
// 77 where the package is not there.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
let verifyCheckpoint, verifyMerkleInclusion;
try {
	({ verifyCheckpoint } = require('@sigstore/verify/dist/tlog/checkpoint'));
	({ verifyMerkleInclusion } = require('@sigstore/verify/dist/tlog/merkle'));
} catch (e) {
	console.error(`@sigstore/verify: ${e.code}`);
	process.exit(77);
}


// name+hash+base64: the base64 may hold a plus of its own.
function parseVkey(arg) {
	const text = (fs.existsSync(arg) ? fs.readFileSync(arg, 'utf8') : arg).trim();
	const [, name, hash, material] = text.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/);
	const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(material, 'base64').subarray(1)]);
	return { baseURL: name, logID: Buffer.from(hash, 'hex'), publicKey: crypto.createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

const [file, vkey] = process.argv.slice(2);
try {
	const [head, rest] = fs.readFileSync(file, 'utf8').split('c2sp.org/tlog-proof@v1\nindex ');
	const split = rest.indexOf('\n\n');
	const [index, ...hashes] = rest.slice(0, split).split('\n');
	const entry = {
		canonicalizedBody: Buffer.from(head.split('\n')[1]),
		inclusionProof: {
			logIndex: index,
			hashes: hashes.map((h) => Buffer.from(h, 'base64')),
			checkpoint: { envelope: rest.slice(split + 2) },
		},
	};
	const checkpoint = verifyCheckpoint(entry, [parseVkey(vkey)]);
	verifyMerkleInclusion(entry, checkpoint);
	console.log(`leaf ${index} of ${checkpoint.logSize}`);
} catch (e) {
	console.error(e.message);
	process.exit(1);
}
