"""What the tests that need real systems share: servers, the walbridge process, exact comparison."""
