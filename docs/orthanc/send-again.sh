#!/bin/sh
# Sends again what Orthanc could not send while NeuroTriage was away: run it every few minutes, by cron.
# Orthanc keeps failed jobs as long as "JobsHistorySize" of its configuration has room for them.
set -eu
orthanc="${1:-http://localhost:8042}"
jobs="$(curl -fsS "$orthanc/jobs?expand")"
printf '%s' "$jobs" |
  jq -r '.[] | select(.Type == "DicomWebStowClient" and .State == "Failure") | .ID' |
  while read -r job; do curl -fsS -X POST -d '{}' "$orthanc/jobs/$job/resubmit" > /dev/null; done
