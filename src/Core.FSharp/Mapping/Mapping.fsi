namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>
/// The mapping network g: R^d -> R^P, theta = sigma(W(z) z + b) * scale with W(z) = omega_0 + M(z). Pure: the same latent gives
/// the same bits. It holds only constants, never z.
/// </summary>
[<Sealed>]
type Mapping =
    internal new:
        layout: ParameterLayout *
        specification: MappingSpecification *
        pieces: MappingPiece[] *
        scales: float[] *
        scalePrecision: torch.ScalarType *
        ownsPieces: bool ->
            Mapping


    /// The target's parameter layout.
    member Layout: ParameterLayout

    member internal Specification: MappingSpecification

    /// The seed of the fixed weights, the bias and the start.
    member Seed: uint64

    /// The family of the fixed weights.
    member FixedWeightsKind: FixedWeightsKind

    /// sigma.
    member Activation: MappingActivation

    /// The rule of b.
    member Bias: MappingBias

    /// Whether each tensor's scale is multiplied by a trainable number.
    member HasTrainableScales: bool

    /// Whether each layer has latents of its own (LWT), or one latent generates everything (SLVT).
    member IsLayerWise: bool

    /// P, the number of generated weights.
    member WeightCount: int64

    /// Its pieces in the order of theta and of z: a copy.
    member Pieces: MappingPiece[]

    /// d, the length of z.
    member LatentCount: int

    /// How many parameters are trained: d, and one for each tensor where scales are trainable.
    member TrainableCount: int

    /// z_0, shape (d), single precision, on the CPU.
    member InitialLatent: unit -> torch.Tensor

    /// The fixed scale of each tensor of the layout, in order: a copy.
    member Scales: float[]

    /// Raises ArgumentException where z has another shape or precision, ObjectDisposedException where the mapping is disposed.
    member internal Check: latent: torch.Tensor -> unit

    /// z's part that belongs to a piece: a view of shape (d_piece).
    /// Raises ArgumentException where z has another shape than (d).
    /// Raises ObjectDisposedException where the mapping is disposed.
    member LatentOf: piece: MappingPiece * latent: torch.Tensor -> torch.Tensor

    /// W(z) z + b, shape (P): what sigma is applied to.
    /// Raises ArgumentException where z has another shape or precision.
    /// Raises ObjectDisposedException where the mapping is disposed.
    member PreActivation: latent: torch.Tensor -> torch.Tensor

    /// theta = g(z), shape (P), on the device and in the precision of z (single or double). Differentiable any number of times.
    /// Raises ArgumentException where z has another shape or precision.
    /// Raises ObjectDisposedException where the mapping is disposed.
    member Generate: latent: torch.Tensor -> torch.Tensor

    member internal GenerateComposed: latent: torch.Tensor -> torch.Tensor

    member internal Fused: FusedMapping | null

    member internal TensorPasses: FusedMapping | null

    /// Scales as weights are multiplied by them: rounded to single precision, but for those of AtScales.
    member internal ScalesInUse: float[]

    member internal SquaredScaleSums: struct (float * float * (torch.Tensor | null))[]

    /// theta with each tensor multiplied by its trainable scale; scales of shape (number of tensors).
    /// Raises ArgumentException where a shape disagrees.
    /// Raises ObjectDisposedException where the mapping is disposed.
    member Generate: latent: torch.Tensor * scales: torch.Tensor -> torch.Tensor

    /// J(z)^T v with J the derivative of g: the gradient at z, shape (d), from one at theta, v of shape (P). Part of no graph;
    /// differentiate Generate for one.
    /// Raises ArgumentException where z or v has another shape or precision, or they are not of the same on the same device.
    /// Raises ObjectDisposedException where the mapping is disposed.
    member Pullback: latent: torch.Tensor * gradient: torch.Tensor -> torch.Tensor

    /// The fixed scale of every weight, shape (P), on the device and in the precision of `like`. Shared; do not change it.
    member ScaleVector: like: torch.Tensor -> torch.Tensor

    /// z -> Generate(z, scales) as a mapping of its own, for what is asked about g at trained scales t: its scale of a tensor is the fixed one
    /// times t, kept in double precision. It shares the fixed weights, so it must not outlive this mapping.
    /// Raises ArgumentException where t is not one finite number for each tensor.
    member AtScales: trained: torch.Tensor -> Mapping

    /// One line that names what defines the mapping, and P.
    override ToString: unit -> string

    interface System.IDisposable
