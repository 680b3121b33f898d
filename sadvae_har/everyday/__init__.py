"""One model for everybody: any device, any placement, turned any way, learned from many data sets at once."""
