"""What pages of a course have: questions that they answer, exercises with code to start from."""
