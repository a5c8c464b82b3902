"""A spec in the formats that others read. No pandas, no clock, no effects: specs in, text out."""
