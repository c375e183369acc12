"""Safety production (安全生产): gas detectors, cameras and drones enter; evidence of leaks and toxic air leaves."""
