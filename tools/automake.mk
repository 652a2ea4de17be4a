# Tools around the agent.

EXTRA_DIST += tools/check

# The laboratory, and what shows it off.
EXTRA_DIST += \
	tools/lab \
	tools/lab.d/common.sh \
	tools/lab.d/config.sh \
	tools/lab.d/net.sh \
	tools/lab.d/region.sh \
	tools/lab.d/report.py \
	tools/lab.d/run.sh \
	tools/lab.d/switch.sh \
	tools/lab.d/table1.sh \
	tools/quickstart
