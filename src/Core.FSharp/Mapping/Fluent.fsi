namespace MappingNets

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open TorchSharp
open MappingNets.Core

/// <summary>
/// The steps that describe a mapping, written once for C# and F#. A description is a value: every step checks its arguments and
/// returns a new description, so one can be continued in several ways.
/// </summary>
/// <typeparam name="TDescription">What each step returns: the type that inherits the steps.</typeparam>
[<AbstractClass>]
type MappingSteps<'TDescription> =

    internal new:
        owner: string *
        layout: ParameterLayout *
        specification: MappingSpecification *
        next: Func<MappingSpecification, 'TDescription> ->
            MappingSteps<'TDescription>

    member internal Layout: ParameterLayout

    member internal Specification: MappingSpecification

    /// <summary>SLVT: one latent vector generates the whole target.</summary>
    /// <param name="latents">d, from 1 to the number of weights P.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">d is out of range.</exception>
    member SingleLatent: latents: int -> 'TDescription

    /// <summary>
    /// LWT: each layer has latents of its own. The budget is shared in proportion to P_l^power, at least 1 and at most P_l a layer.
    /// </summary>
    /// <param name="latents">The total number of latents, from the number of layers to the number of weights P.</param>
    /// <param name="power">The exponent: 0 shares equally, 1 in proportion to the weights.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The budget or the power is out of range.</exception>
    member LayerWise: latents: int * [<Optional; DefaultParameterValue(0.25)>] power: float -> 'TDescription

    /// <summary>LWT with explicit sizes: one (layer, latents) pair for each layer of the target, in its order.</summary>
    /// <param name="latents">The layers' names, such as "conv1", and their numbers of latents.</param>
    /// <exception cref="T:System.ArgumentException">A layer is missing, unknown or out of order.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A number is below 1 or above the number of weights of its layer.</exception>
    member LayerWise:
        [<ParamArray; TupleElementNames([| "Layer"; "Latents" |])>] latents: struct (string * int)[] -> 'TDescription

    /// <summary>The seed of the fixed weights, the bias and the start.</summary>
    /// <param name="seed">Any number.</param>
    member WithSeed: seed: uint64 -> 'TDescription

    /// <summary>The family of the fixed weights.</summary>
    /// <param name="kind">The family.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There is no such family.</exception>
    member WithFixedWeights: kind: FixedWeightsKind -> 'TDescription

    /// <summary>The paper's additive modulation: w_ij(z) = w_ij + alpha z_i.</summary>
    /// <param name="alpha">The strength, finite; small beside 1.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">alpha is not finite.</exception>
    member WithAdditiveModulation: alpha: float -> 'TDescription

    /// <summary>Any twice continuously differentiable modulation of a single latent, given as the whole matrix M(z).</summary>
    /// <param name="name">How reports and adapters call it.</param>
    /// <param name="matrix">
    /// z of shape (d) to M(z) of shape (P, d), through tensor operations; another shape is refused when the model is built.
    /// </param>
    /// <exception cref="T:System.ArgumentException">The name is blank.</exception>
    member WithModulation: name: string * matrix: Func<torch.Tensor, torch.Tensor> -> 'TDescription

    /// <summary>A general linear modulation M(z)_ji = sum_k B_jik z_k of a single latent.</summary>
    /// <param name="map">B, shape (P, d, d), finite floats. The mapping reads it as long as it lives; the caller owns it.</param>
    /// <exception cref="T:System.ArgumentException">B is no map of this target; that it fits d is checked when the model is built.</exception>
    member WithLinearModulation: map: torch.Tensor -> 'TDescription

    /// <summary>No modulation: W is the same for every z.</summary>
    member WithoutModulation: unit -> 'TDescription

    /// <summary>The function sigma applied to every generated weight.</summary>
    /// <param name="activation">The function.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There is no such function.</exception>
    member WithActivation: activation: MappingActivation -> 'TDescription

    /// <summary>The fixed bias b. A bias of zero needs a start other than 0.</summary>
    /// <param name="bias">The rule.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There is no such rule.</exception>
    member WithBias: bias: MappingBias -> 'TDescription

    /// <summary>The scale gain / sqrt(fan-in) of every tensor.</summary>
    /// <param name="gain">A positive finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The gain is not a positive finite number.</exception>
    member WithGain: gain: float -> 'TDescription

    /// <summary>One scale for each weight tensor of the target, in order.</summary>
    /// <param name="scales">Finite numbers.</param>
    /// <exception cref="T:System.ArgumentException">There are too few or too many.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">One is not finite.</exception>
    member WithScales: [<ParamArray>] scales: float[] -> 'TDescription

    /// <summary>Multiplies each tensor's scale by a trainable number that starts at 1.</summary>
    member WithTrainableScales: unit -> 'TDescription

    /// <summary>Starts z uniform in [-amplitude, amplitude); 0 starts at z = 0.</summary>
    /// <param name="amplitude">A finite number.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The amplitude is not finite.</exception>
    member StartingWithin: amplitude: float -> 'TDescription

    /// <summary>One line that names every choice, the target and its number of weights P.</summary>
    override ToString: unit -> string

/// <summary>
/// Describes the mapping of any layout of weights step by step, for F# scripts and for theory; a model of a target network starts
/// at <c>MappingNetwork.For</c>.
/// </summary>
/// <example><code>
/// use g = MappingDescription.For(layout).SingleLatent(6).WithActivation(MappingActivation.Tanh).Build()
/// </code></example>
[<Sealed>]
type MappingDescription =
    class
        inherit MappingSteps<MappingDescription>

        /// <summary>
        /// Starts a description: until a step changes it, one latent for each 53 weights (at least 1), signed permutation, seed 0,
        /// no modulation, identity, uniform bias, scale 1 / sqrt(fan-in), start at z = 0.
        /// </summary>
        /// <param name="layout">The weights to generate.</param>
        static member For: layout: ParameterLayout -> MappingDescription

        /// <summary>Builds the mapping; O(P) work.</summary>
        /// <returns>The mapping; the caller disposes it.</returns>
        /// <exception cref="T:System.ArgumentException">
        /// The steps do not fit together: a modulation that is not for the latents of the split, or a bias of zero with a start at 0,
        /// from where nothing can be learnt.
        /// </exception>
        member Build: unit -> Mapping
    end
