namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>How far one tensor of theta can move when the trained parameters move, in the Frobenius norm.</summary>
/// <remarks>
/// Rounding is modelled as Higham does ("Accuracy and Stability of Numerical Algorithms", 2nd edition, sections 2.2 and 3.1): every
/// operation of single precision is exact but for a factor 1 + delta, |delta| &lt;= u = 2^-24, and a sum of n products is off by at most gamma_n =
/// n u / (1 - n u) times the sum of their sizes, in whatever order it is added. tanh and sine count as four such operations. Nothing
/// overflows or underflows. These are assumptions about the machine, and what follows from them is no better. The bounds are raised by the rounding of
/// computing them in double precision.
/// </remarks>
[<ReferenceEquality>]
type TensorShift =
    {
        /// r to a bound of ||t(p') - t(p)|| for all p' with ||p' - p|| &lt;= r, in exact arithmetic; it rises with r.
        Moves: float -> float
        /// r to a bound of how far t as computed in single precision lies from t, at every p' with ||p' - p|| &lt;= r; it rises with r.
        Rounding: float -> float
        /// What stands behind Moves.
        Status: BoundStatus
        /// What is assumed; empty where Moves is proven.
        Reason: string
    }

    /// "moves by up to 1.2 within a radius of 1, rounding 2e-06 (proven)".
    override ToString: unit -> string

    /// <summary>Moves, for C#.</summary>
    /// <param name="radius">r.</param>
    member internal Move: radius: float -> float

/// <summary>Bounds of how far tensors move.</summary>
module TensorShift =

    /// <summary>u = 2^-24, half the distance of 1 from the next number of single precision.</summary>
    val unitRoundoff: float

    /// <summary>gamma_n = n u / (1 - n u); infinite for n of 2^24 or more, where the model bounds nothing.</summary>
    /// <param name="terms">n, at least 0.</param>
    val gamma: terms: float -> float

    /// <summary>A tensor that no trained parameter moves.</summary>
    val still: TensorShift

    /// <summary>A tensor that is trained itself: it moves as far as its parameters do, and is not computed.</summary>
    val itself: TensorShift

    /// <summary>The same tensor while other trained parameters move: it stays, and is rounded as it is.</summary>
    /// <param name="shift">The tensor.</param>
    val held: shift: TensorShift -> TensorShift

    /// <summary>
    /// The tensors that a mapping generates, for a move of z, or of z and the trained scales t together. For a tensor with the rows T:
    /// |t| m and, where scales are trained, (||g_T(z)|| + m) r besides, g without the trained scales; m = (L + rate (||z|| + r / 2)) r, L the norm
    /// of diag(s_T) W_T, rate that of the modulation. Each tensor takes some passes over all rows of its piece, so that one latent for T tensors of P weights
    /// together costs O(T P).
    /// </summary>
    /// <param name="mapping">g, with no, additive or linear modulation.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <param name="scales">t, shape (number of tensors); null where none are trained.</param>
    /// <returns>One entry for each tensor of the layout.</returns>
    /// <exception cref="T:System.ArgumentNullException">The mapping has trainable scales and t is null.</exception>
    /// <exception cref="T:System.ArgumentException">A shape disagrees, or a modulation is custom, of which nothing is known in closed form.</exception>
    val ofMapping: mapping: Mapping -> latent: torch.Tensor -> scales: torch.Tensor | null -> TensorShift[]

    /// <summary>The increments alpha o[group(i)] of a fine-tuning by groups: |alpha| r times the root of the largest number of one group's weights in the tensor.</summary>
    /// <param name="plan">The groups.</param>
    /// <param name="strength">alpha.</param>
    /// <param name="latent">o, shape (K).</param>
    /// <returns>One entry for each tensor of the plan's layout.</returns>
    /// <exception cref="T:System.ArgumentException">alpha is not finite, or o is no vector (K) of finite numbers.</exception>
    val ofGroups: plan: FineTuningPlan -> strength: float -> latent: torch.Tensor -> TensorShift[]

    /// <summary>
    /// An increment s B A of low rank: |s| (sqrt(||A||^2 + ||B||^2) r + r^2 / 2) in spectral norms of A and B, since ||dB A + B dA|| and ||dB dA||_F &lt;=
    /// (||dA||^2 + ||dB||^2) / 2.
    /// </summary>
    /// <param name="strength">s.</param>
    /// <param name="a">A, shape (r, n).</param>
    /// <param name="b">B, shape (m, r).</param>
    /// <exception cref="T:System.ArgumentException">s is not finite; A or B is no matrix of finite numbers; or B does not have as many columns as A has rows.</exception>
    val ofLowRank: strength: float -> a: torch.Tensor -> b: torch.Tensor -> TensorShift

    /// <summary>A tensor plus an increment, with the rounding of the addition.</summary>
    /// <param name="norm">The norm of the sum at p.</param>
    /// <param name="first">The tensor.</param>
    /// <param name="second">The increment.</param>
    val sum: norm: float -> first: TensorShift -> second: TensorShift -> TensorShift
