#!/bin/sh
# Starts the built nostream with the gateway. Settings: nostream's own, and KPG_* variables.
set -eu
gateway=$(cd "$(dirname "$0")/../.." && pwd)
cd "${NOSTREAM_DIR:?name the checkout of nostream, after pnpm install, pnpm build and pnpm db:migrate}"
export NODE_OPTIONS="--require \"$gateway/dist/adapters/cli/nostream-register.js\""
exec node --env-file-if-exists=.env dist/src/index.js
