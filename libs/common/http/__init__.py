"""The HTTP side of every service and the calls between them: edge, problem documents, request ids."""
