#!/bin/sh
# sbatch slurm-array.sh /shared/dispatch.csv
# Eight tasks, each with a shard of its own, whose log is beside the file. Submitted again, each
# goes on from there. Rate and quotas are each shard's own: eight at 1/s are eight a second.
#SBATCH --job-name=dispatch
#SBATCH --array=1-8
#SBATCH --requeue
exec bulkstatus send "$1" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --resume --yes --rate 1/s
