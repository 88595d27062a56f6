"""D104: inputs for which the theory of random signals says less."""

from collections.abc import Iterator

from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class CorrelatedInputs(Rule):
    """The features of a sample move together, or share a large mean.

    Initialization theory takes inputs as independent with mean 0. Correlated features leave the second moment right but
    make the first layer's pre-activations alike across units and, with a shared mean, across samples: the correlation c
    between two samples starts near mean²/(mean² + variance) instead of 0, deep plain networks have less of it left to
    lose, and the curvature's condition number is that of the features' correlation matrix. Training still works, slower.

    Measured as the root mean square correlation between (up to 256) features over the batch, with the 1/(n − 1) that
    independent features of n samples show by chance taken off. A note: images and time series are always like this.

    Source: LeCun et al. 1998, "Efficient BackProp", 4.3 (decorrelate); Poole et al. 2016, arXiv:1606.05340, eq. 5.
    """

    code = "D104"
    slug = "correlated-inputs"
    title = "features that move together"
    priority = 45
    needs_data = True
    thresholds = {
        "correlation": Threshold(0.5, "rms correlation: one direction then carries over 1/4 of the variance of any number of features"),
        "mean": Threshold(2.0, "mean²/variance: samples start with a correlation above 2/3"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One note per tensor."""
        for facts in evidence.inputs:
            moments, correlation = facts.reading.moments, facts.feature_correlation
            if not facts.dtype.startswith(("float", "bfloat")) or not moments.variance > 0.0 or facts.features < 2:
                continue
            shared = moments.mean**2 / moments.variance
            if correlation is not None and correlation > self.threshold("correlation"):
                what = f"features of `{facts.name}` correlate with rms {correlation:.2f} over the batch"
            elif shared > self.threshold("mean"):
                what = f"the mean of `{facts.name}` carries {shared / (1 + shared):.0%} of its second moment"
            else:
                continue
            yield self.finding(
                "note",
                "inputs",
                f"{what[0].upper()}{what[1:]}, so samples look more alike to a fresh network than theory assumes.",
                evidence={"tensor": facts.name, "correlation": correlation, "mean_square_over_variance": shared},
                advice="Usual for images. For tabular data subtract the mean per feature, and whiten when training is slow.",
                snippet="inputs = inputs - train_inputs.mean(0)",
            )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Sixteen readings of one quantity; one shared offset."""
        yield Specimen("16 noisy copies of one number", lambda: classification(mlp(16, 32, 4), batch(64, 1) + 0.3 * batch(64, 16, seed=5)), where="inputs")
        yield Specimen("offset of two deviations", lambda: classification(mlp(16, 32, 4), batch(64, 16) + 2.0), where="inputs")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Independent features, in a large and in a small batch."""
        yield Specimen("independent features", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("eight samples of 16 features", lambda: classification(mlp(16, 32, 4), batch(8, 16)))
