"""Tests of what an answer quotes and rests on."""
