"""A recogniser as one ONNX file."""
