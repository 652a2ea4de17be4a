# Tools around the agent.
