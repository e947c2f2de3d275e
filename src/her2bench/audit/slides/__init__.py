"""Which tiles come from one slide, where the manifest does not say."""
