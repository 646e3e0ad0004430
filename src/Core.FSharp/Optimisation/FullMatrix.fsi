namespace MappingNets.Core

open TorchSharp

/// <summary>How full-matrix descent turns gradients into steps.</summary>
type FullMatrixSettings =
    {
        /// How much of C a step keeps, from 0 to below 1: C averages over about 1 / (1 - decay) steps.
        Decay: float
        /// How much of the gradient's running mean a step keeps, from 0 to below 1.
        Momentum: float
        /// What is added to C's diagonal, as a share of its mean: directions with less curvature count as having this much. Positive.
        Damping: float
        /// p in C^-p, positive: 1 is the natural gradient, 0.5 the full-matrix form of Adam.
        Power: float
        /// The root mean square of a step, in learning rates.
        Length: float
    }

/// <summary>
/// Full-matrix descent for few parameters: a latent is small enough for what no one can afford on the target's weights, the whole
/// matrix of its gradient's second moments, C = E[g g^T] (d x d), which is also the empirical Fisher matrix of mini-batches. A step
/// is u = C^-p m with m the gradient's running mean, cut to the length sqrt(d) * length * rate, so that rates mean what they do for
/// a sign-like optimiser such as Adam whatever the loss's units are.
/// Sources: Amari 1998 (natural gradient, p = 1); Duchi, Hazan, Singer 2011 (full-matrix AdaGrad, p = 1/2); Agarwal et al. 2020
/// (length taken from elsewhere, "grafting").
/// Every function raises ArgumentException where a shape or a setting does not fit.
/// </summary>
module FullMatrix =

    /// The settings that did best for latents of CNN2 on held-out images.
    val standard: FullMatrixSettings

    /// <summary>The running mean of g g^T after a further gradient, starting from 0 and not yet corrected for that.</summary>
    /// <param name="settings">Of which the decay counts.</param>
    /// <param name="curvature">The running mean so far, shape (d, d).</param>
    /// <param name="gradient">g, shape (d).</param>
    val curvature: settings: FullMatrixSettings -> curvature: torch.Tensor -> gradient: torch.Tensor -> torch.Tensor

    /// The same in place, for who owns the running mean: no second matrix is made.
    val internal accumulate: settings: FullMatrixSettings -> curvature: torch.Tensor -> gradient: torch.Tensor -> unit

    /// <summary>
    /// (C / mean(diag C) + damping * I)^-p through the eigenvalues of C, shape (d, d): the unit of C drops out, as it does from steps.
    /// The identity where C is 0 or beyond single precision. C is corrected for its start at 0 first.
    /// </summary>
    /// <param name="settings">Of which decay, damping and power count.</param>
    /// <param name="curvature">The running mean of g g^T, shape (d, d).</param>
    /// <param name="steps">How many gradients are in it, at least 1.</param>
    /// <exception cref="T:System.ArgumentException">C is no square matrix of at least one row; a setting or the number of gradients is out of range; damping^-p, the largest
    /// power of an eigenvalue, is infinite or 0 in C's precision, as that of 1e-46 or of 0.001 with p = 13 in single.</exception>
    val inversePower: settings: FullMatrixSettings -> curvature: torch.Tensor -> steps: int64 -> torch.Tensor

    /// <summary>-rate * length * sqrt(d) * u / ||u|| with u = R m, shape (d): what is added to the trained parameters; 0 where m is 0.</summary>
    /// <param name="settings">Of which the length counts.</param>
    /// <param name="inversePower">R, shape (d, d).</param>
    /// <param name="mean">m, the gradient's running mean, shape (d).</param>
    /// <param name="rate">The learning rate.</param>
    val step:
        settings: FullMatrixSettings -> inversePower: torch.Tensor -> mean: torch.Tensor -> rate: float -> torch.Tensor
