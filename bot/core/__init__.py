"""The thinking: values in, values out. No disk, no network, no clock, no logger."""
