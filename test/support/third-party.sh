#!/usr/bin/env bash
# Installs the third-party vectors, in the versions that the tests know, where third-party.ts looks for them.
set -euo pipefail
folder=${VECTORS_DIR:-$(dirname "$0")/../../../shared/vectors}

# Of each repository, only the files of one folder are fetched. What was interrupted is done again.
get() {
  if [ -d "$folder/$1" ]; then return; fi
  local clone="$folder/$1.part"
  rm -rf "$clone"
  git clone --quiet --filter=blob:none --no-checkout "https://github.com/$2" "$clone"
  git -C "$clone" sparse-checkout set "$3"
  git -C "$clone" -c advice.detachedHead=false checkout --quiet "$4"
  mv "$clone" "$folder/$1"
}
get wycheproof C2SP/wycheproof testvectors_v1 dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166
get jsontestsuite nst/JSONTestSuite test_parsing 1ef36fa01286573e846ac449e8683f8833c5b26a
