//! Known architectures, built into ONNX node by node from a checkpoint.
