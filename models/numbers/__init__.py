"""The catalogue of numbers: of each its name, meaning and unit, and which questions it takes."""
