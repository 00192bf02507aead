"""From received bytes to a ranked study: receive, decode, gate, score, file; `Installation` wires the parts."""
