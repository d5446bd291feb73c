# SPDX-License-Identifier: Apache-2.0
# Node and npm from local packages: pack, install with scripts, run, test, link; no registry is asked.
. "$(dirname "$0")/lib.sh"
need node npm
NOT_SAME='_logs\|package-lock'
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_offline=true npm_config_loglevel=error
set_up() {
	mkdir -p dep/bin app
	echo '{"name":"dep","version":"1.0.0","bin":{"depbin":"bin/d.js"},"scripts":{"postinstall":"echo built >built"}}' >dep/package.json
	printf '#!/usr/bin/env node\nconsole.log("bin", require("../index.js"))\n' >dep/bin/d.js && chmod +x dep/bin/d.js
	echo 'module.exports = 42' >dep/index.js
	echo '{"name":"app","version":"1.0.0","scripts":{"test":"depbin && node t.js"},"dependencies":{"dep":"file:../dep-1.0.0.tgz"}}' >app/package.json
	cat >app/t.js <<'P'
const { execFileSync, fork } = require('child_process'), fs = require('fs'), { Worker } = require('worker_threads');
if (process.argv[2]) { process.send('child'); process.disconnect(); return; }
console.log(require('dep'), fs.readFileSync('node_modules/dep/built', 'utf8').trim(), execFileSync('sh', ['-c', 'echo $((6*7))']).toString().trim());
fs.mkdirSync('d/e', { recursive: true }); fs.writeFileSync('d/e/f', 'x'); fs.renameSync('d/e/f', 'd/e/g'); fs.rmSync('d', { recursive: true });
fork(__filename, ['1']).on('message', m => new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', n => console.log(m, n)));
P
}
same "npm pack, install from the tarball, test" node sh -c 'cd dep && npm pack --silent --pack-destination .. && cd ../app && npm install --silent --foreground-scripts=false && npm ls --silent && npm test --silent'
same "npm install, exec, uninstall, ci" node sh -c 'cd dep && npm pack --silent --pack-destination .. && cd ../app && npm install --silent && npm exec --no depbin &&
	npm uninstall --silent dep && npm ci --silent; ls -A'
under node node -e 'console.log(require("fs").readFileSync(process.env.HOME + "/.ssh/id_ed25519", "utf8"))'
is "keys and tokens stay closed" "$rc $out" "1 "
finish
