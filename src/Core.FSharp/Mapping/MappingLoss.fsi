namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>The values of the auxiliary terms, scalars; null where a term is off.</summary>
type LossTerms =
    {
        /// E ||f(x; g(z + eps)) - f(x; g(z))||^2.
        Stability: torch.Tensor | null
        /// ||grad_z g(z)||_F^2.
        Smoothness: torch.Tensor | null
        /// 1 - cos(z, m).
        Alignment: torch.Tensor | null
    }

/// <summary>The mapping loss: the task's own loss and the paper's three auxiliary terms, each a function of its own.</summary>
module MappingLoss =

    /// <summary>Cross-entropy of class scores, the mean over the batch, with label smoothing.</summary>
    /// <param name="smoothing">The share of the target spread evenly over all classes, from 0 to below 1.</param>
    /// <param name="scores">Class scores before the softmax, (N, classes).</param>
    /// <param name="labels">Class indices, (N), 64-bit integers.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The smoothing is out of range.</exception>
    val crossEntropy: smoothing: float -> scores: torch.Tensor -> labels: torch.Tensor -> torch.Tensor

    /// <summary>
    /// Knowledge distillation (Hinton, Vinyals, Dean 2015): T^2 times the cross-entropy of softmax(scores / T) against
    /// softmax(teacher / T), the mean over the batch. T^2 keeps gradients of one size whatever T is.
    /// </summary>
    /// <param name="temperature">T, positive.</param>
    /// <param name="teacher">The teacher's class scores, (N, classes); no gradient goes there.</param>
    /// <param name="scores">Class scores before the softmax, (N, classes).</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The temperature is not a positive finite number.</exception>
    /// <exception cref="T:System.ArgumentException">The shapes differ.</exception>
    val distillation: temperature: float -> teacher: torch.Tensor -> scores: torch.Tensor -> torch.Tensor

    /// <summary>The mean squared error over all elements.</summary>
    /// <param name="outputs">Outputs of the target network, any shape.</param>
    /// <param name="targets">What they should be, in the same shape.</param>
    /// <exception cref="T:System.ArgumentException">The shapes differ.</exception>
    val meanSquaredError: outputs: torch.Tensor -> targets: torch.Tensor -> torch.Tensor

    /// <summary>eps ~ N(0, deviation^2 I) for one step, from the counter hash: independent of every other generator.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="step">The step; another step gives independent noise.</param>
    /// <param name="deviation">s, not negative.</param>
    /// <param name="like">A vector (d) whose length, device and precision the noise takes.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The deviation is negative or not finite.</exception>
    val noise: key: CounterHash.Key -> step: int64 -> deviation: float -> like: torch.Tensor -> torch.Tensor

    /// <summary>
    /// The stability term for one draw of eps: the squared distance between the target's outputs at z + eps and at z, summed
    /// over outputs, the mean over the batch.
    /// </summary>
    /// <param name="perturbed">f(x; g(z + eps)), (N, ...).</param>
    /// <param name="outputs">f(x; g(z)), (N, ...).</param>
    /// <exception cref="T:System.ArgumentException">The shapes differ.</exception>
    val stability: perturbed: torch.Tensor -> outputs: torch.Tensor -> torch.Tensor

    /// <summary>
    /// The smoothness term ||J||_F^2 with J = grad_z g(z), in closed form. Row j of J is
    /// scale_j sigma'(h_j) (w_j + v_j), where h is the pre-activation and v_j is the gradient of the modulation's share: 0, or
    /// 2 alpha z, or (B_j + B_j^T) z. Differentiable any number of times.
    /// </summary>
    /// <remarks>
    /// With the identity and no or additive modulation it takes O(d) work, once sums over the rows are known. With another activation it takes one
    /// product W z, or two with additive modulation, and vectors of P numbers. A linear modulation takes O(P d^2) work and P x d matrices. A custom
    /// modulation has no closed form; its J is computed in d Jacobian-vector products.
    /// </remarks>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    val smoothness: mapping: Mapping -> latent: torch.Tensor -> torch.Tensor

    /// <summary>
    /// The same at trained scales t: row j of J is t_k scale_j sigma'(h_j) (w_j + v_j), t_k the scale of the tensor that j lies in. Differentiable in z and
    /// t. smoothness itself is this at scales of 1. O(number of tensors) work for an affine g without modulation and Dense weights; otherwise that of an
    /// activation above.
    /// </summary>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <param name="scales">t, one for each tensor.</param>
    /// <exception cref="T:System.ArgumentException">A shape disagrees.</exception>
    val smoothnessAtScales: mapping: Mapping -> latent: torch.Tensor -> scales: torch.Tensor -> torch.Tensor

    /// <summary>
    /// The alignment term 1 - cos(z, m), m = mean over target rows of the modulated weights = mean_j w_j + mean_j M(z)_j, for each
    /// latent vector; the mean over latent vectors. The squared norm of z counts as at least 1e-6 d, so that a latent of zero has
    /// the value 1 and a finite gradient.
    /// </summary>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    val alignment: mapping: Mapping -> latent: torch.Tensor -> torch.Tensor

    /// <summary>How many of the coefficients are trained.</summary>
    /// <param name="options">The coefficients.</param>
    val trainableCount: options: LossOptions -> int

    /// <summary>
    /// The coefficients now, lambda_k by each one's rule (<see cref="T:MappingNets.LossCoefficient"/>); in the order stability,
    /// smoothness, alignment; 0 where a term is off.
    /// </summary>
    /// <param name="options">The rules.</param>
    /// <param name="raw">u, one number for each trained coefficient in order; 0 at the start. Null where none is trained.</param>
    /// <exception cref="T:System.ArgumentException">u has the wrong length.</exception>
    val current: options: LossOptions -> raw: torch.Tensor | null -> float[]

    /// <summary>
    /// The whole loss: the task's and what each term that is on contributes by the rule of its coefficient: lambda_k L_k for fixed and
    /// plain ones; start_k (exp(-s_k) L_k + s_k) for bounded ones; lambda_k L_k and the coefficient's own loss for balanced ones.
    /// </summary>
    /// <param name="options">The rules.</param>
    /// <param name="raw">u, shape (number of trained coefficients). Null where none is trained.</param>
    /// <param name="task">The task's loss, a scalar.</param>
    /// <param name="terms">The auxiliary terms; one that is off may be null.</param>
    /// <exception cref="T:System.ArgumentException">A term that is on has no value; u has the wrong length.</exception>
    val total:
        options: LossOptions -> raw: torch.Tensor | null -> task: torch.Tensor -> terms: LossTerms -> torch.Tensor
