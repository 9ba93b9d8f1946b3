"""Product-independent parts. They import no app of the project, and nothing of the Claro client."""
