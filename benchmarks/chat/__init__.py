"""What an answer costs without a language model: through the gateway, beside a bare search over the same words."""
