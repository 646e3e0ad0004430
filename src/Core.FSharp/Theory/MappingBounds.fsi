namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>What is known in closed form of the piece of a mapping that one latent generates, on a ball of latents.</summary>
type PieceBound =
    {
        /// The piece's name.
        Name: string
        /// A bound of ||diag(s) W||, s being the scales: the linear part.
        Linear: float
        /// Whether Linear is that norm itself and not only a bound of it: always for signed permutations; for the other kinds where
        /// all scales of the piece are equal.
        IsLinearExact: bool
        /// How much ||J|| may grow for each unit of ||z||: 2 |alpha| ||s|| under additive modulation.
        ModulationRate: float
        /// A bound of ||J|| everywhere on the ball: Linear + ModulationRate (||z_0|| + R).
        Lipschitz: float
        /// A bound of ||D^2 g [v, v]|| / ||v||^2 everywhere on the ball.
        Curvature: float
    }

    /// "fc1: Lipschitz 1.41, curvature 0.3".
    override ToString: unit -> string

/// <summary>What is known in closed form of a mapping on a ball of latents.</summary>
type MappingBound =
    {
        /// Of each piece, in order.
        Pieces: PieceBound[]
        /// ||g(z) - g(y)|| is at most this times ||z - y|| for all z and y of the ball.
        Lipschitz: float
        /// ||g(z) - g(y) - J(y) (z - y)|| is at most half of this times ||z - y||^2 for all z and y of the ball.
        Curvature: float
        /// Proven, but for Dense weights: that their columns are orthogonal to a relative 2e-6 is measured, so there it is Assumed.
        Status: BoundStatus
    }

    /// Both constants with their status, then those of each piece, a line each.
    override ToString: unit -> string

/// <summary>How far noise on the latent may move what is generated, with a probability.</summary>
type NoiseReach =
    {
        /// At least this probability.
        Probability: float
        /// ||eps|| is at most this.
        NoiseNorm: float
        /// ||g(z + eps) - g(z)|| is at most this.
        WeightShift: float
    }

    /// "with probability 0.999 noise of a norm up to 0.1 moves the weights by at most 0.2".
    override ToString: unit -> string

/// <summary>
/// Bounds of the mapping network in closed form: nothing here is sampled or iterated. They are raised by the rounding error of computing
/// them in double precision, and for Dense weights, which are stored in single precision, by a relative 2e-6. They are about g in exact
/// arithmetic: what rounding does to g itself comes on top.
/// </summary>
/// <remarks>
/// <para>
/// Row j of the Jacobian is s_j sigma'(h_j) (w_j + v_j), v_j being the modulation's share (2 alpha z, or (B_j + B_j^T) z), and
/// |sigma'| &lt;= 1 for all three activations. So ||J|| &lt;= ||diag(s) W|| + ||diag(s) V||, and the pieces, which share no latent, are
/// blocks of a block-diagonal J: its norm is the largest of theirs.
/// </para>
/// <para>
/// The linear part: the columns of a signed permutation are disjoint, so W^T diag(s)^2 W is diagonal and its norm is read off.
/// The tiles W_k of the Hadamard kind (d rows each) have norm 1, so ||diag(s) W||^2 &lt;= sum_k max over tile k of s^2. Dense:
/// max |s| sqrt(P / d), or the Frobenius norm where that is smaller. The modulation's share: V = 1 (2 alpha z)^T has
/// ||diag(s) V|| = 2 |alpha| ||s|| ||z||; a general B has ||diag(s) V|| &lt;= ||diag(s) (B + B^T)||_F ||z||.
/// </para>
/// <para>
/// The curvature: with a_j = (w_j + v_j) . v for a unit vector v, D^2 g_j [v, v] = s_j (sigma''(h_j) a_j^2 + sigma'(h_j) v_j'), where v_j' is 2 alpha or
/// v^T (B_j + B_j^T) v. The first part is at most max |sigma''| max_j |a_j| ||J||, with max |sigma''| = 0, 4 / (3 sqrt 3) and 1 for identity,
/// tanh and sine; the second is at most the modulation's rate.
/// </para>
/// </remarks>
module MappingBounds =

    /// ||diag(s) W|| or a bound of it, and how much the modulation adds for each unit of ||z||, for the rows of a piece whose squared scales
    /// are given: zeros leave rows out.
    val internal rowsNorm: piece: MappingPiece -> squared: torch.Tensor -> struct (float * float)

    /// At least the norm over the same rows of what the modulation adds up for ||z|| = 1, each summand at its size: what its rounding is relative to.
    /// It may be far above the rate, in which the parts of B_j that z^T B_j z cancels are missing.
    val internal modulationSize: piece: MappingPiece -> squared: torch.Tensor -> float

    /// OutputShift.noiseNorm, which noiseReach below needs first; raised by rounding.
    val internal noiseNorm: deviation: float -> count: int64 -> risk: float -> float

    /// <summary>The bounds on the ball of radius R around z_0. An infinite R asks for bounds everywhere, which are infinite where the
    /// modulation is not zero.</summary>
    /// <param name="mapping">g.</param>
    /// <param name="centre">z_0, shape (d).</param>
    /// <param name="radius">R, at least 0.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The centre has another shape than (d) or is not finite; the radius is negative or NaN; the modulation is a custom one, of
    /// which nothing is known in closed form; the mapping has trainable scales, which have to be said first (Mapping.AtScales).
    /// </exception>
    val onBall: mapping: Mapping -> centre: torch.Tensor -> radius: float -> MappingBound

    /// <summary>
    /// The stability bound: E ||g(z + eps) - g(z)||^2 is at most this for eps ~ N(0, s^2 I). Without modulation it is the sum over
    /// pieces of L^2 s^2 d, L being the piece's global Lipschitz constant. With modulation no global constant exists and eps leaves
    /// every ball; but ||J(z + y)|| &lt;= a + rate ||y|| with a the bound at z, so ||g(z + eps) - g(z)|| &lt;= a ||eps|| + rate ||eps||^2 / 2, and
    /// from E ||eps||^2 = s^2 d, E ||eps||^4 = s^4 d (d + 2) and E ||eps||^3 &lt;= s^3 d sqrt(d + 2) follows
    /// s^2 d (a + rate s sqrt(d + 2) / 2)^2 for the piece.
    /// </summary>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <param name="deviation">s, at least 0.</param>
    /// <exception cref="T:System.ArgumentException">As for onBall; the deviation is negative or not finite.</exception>
    val stability: mapping: Mapping -> latent: torch.Tensor -> deviation: float -> float

    /// <summary>
    /// How far eps ~ N(0, s^2 I) reaches with probability at least 1 - risk: ||eps|| &lt;= s (sqrt d + sqrt(2 ln(1 / risk))) by the
    /// concentration of Lipschitz functions of a Gaussian, and then ||g(z + eps) - g(z)|| &lt;= ||eps|| max over pieces of (a + rate ||eps|| / 2).
    /// Outputs of a target network are Lipschitz in its weights on a ball only, so this, and not the mean square, is what carries
    /// over to them: multiply by <see cref="M:MappingNets.Core.NetworkLipschitz.weightLipschitz"/> on the ball of radius WeightShift.
    /// </summary>
    /// <param name="mapping">g.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <param name="deviation">s, at least 0.</param>
    /// <param name="risk">The probability that may be missed, between 0 and 1.</param>
    /// <exception cref="T:System.ArgumentException">As for stability; the risk is out of range.</exception>
    val noiseReach: mapping: Mapping -> latent: torch.Tensor -> deviation: float -> risk: float -> NoiseReach
