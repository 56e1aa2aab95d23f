"""Tests of the business, package by package."""
