# Tools around the agent.

EXTRA_DIST += tools/check
