"""A room that is not there: a kitchen, a person, a voice, a camera and a microphone that see and hear them."""
