"""Which services there are; each has a schema, an owner and a login of its name."""

# In the order in which they are migrated: the guards of the others call functions of the consent service.
SERVICES = ("consent", "gateway", "ingestion", "transcriber", "embedder", "chat")
