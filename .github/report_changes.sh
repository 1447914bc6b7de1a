#!/usr/bin/env bash
# .github/report_changes.sh BASE [URL]: writes as Markdown which metrics and pictures HEAD changes since it left BASE.
# Both are in git, so this needs no data. URL is where files of HEAD can be seen: with it, pictures are shown.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$(git merge-base "$1" HEAD)
base=$(git rev-parse --short "$base")
url=${2:-}
messages=$(mktemp)
trap 'rm "$messages"' EXIT

echo "## Metrics"
echo
table=$(dvc metrics diff --md "$base" HEAD 2> "$messages")
heading=$(head -n 2 <<< "$table")
rows=$(tail -n +3 <<< "$table" | sort)  # DVC's order is random
if [ -n "$rows" ]; then printf '%s\n' "$heading" "$rows"; else echo "None changed."; fi
if [ -s "$messages" ]; then echo; sed 's/^/> /' "$messages"; fi
echo
echo "## Pictures"
echo
pictures=$(git -c core.quotePath=false diff --no-renames --name-status "$base" HEAD -- ':(glob)plots/**/*.png')
if [ -z "$pictures" ]; then echo "None changed."; exit; fi
while IFS=$'\t' read -r status path; do
  case $status in
    A) word=new ;;
    D) word=removed ;;
    *) word=changed ;;
  esac
  if [ "$status" = D ] || [ -z "$url" ]; then
    echo "- $word: $path"
  else
    echo "- $word: [$path]($url/$path)"
    echo "  <details><summary>show</summary><img alt=\"$path\" src=\"$url/$path?raw=true\"></details>"
  fi
done <<< "$pictures"
