namespace MappingNets

open System
open System.Runtime.InteropServices
open TorchSharp
open MappingNets.Core

[<AbstractClass>]
type MappingSteps<'TDescription>
    internal
    (
        owner: string,
        layout: ParameterLayout,
        specification: MappingSpecification,
        next: Func<MappingSpecification, 'TDescription>
    ) =

    let modulatedBy modulation =
        next.Invoke
            { specification with
                Modulations = [| modulation |] }

    member internal _.Layout = layout
    member internal _.Specification = specification

    member _.SingleLatent(latents: int) =
        let split = SingleLatent latents
        LatentSplit.checkFor (nameof latents) owner split layout
        next.Invoke { specification with Split = split }

    member _.LayerWise(latents: int, [<Optional; DefaultParameterValue(0.25)>] power: float) =
        next.Invoke
            { specification with
                Split = LatentSplit.byPowerFor (nameof latents) owner power latents layout }

    member _.LayerWise([<ParamArray>] latents: struct (string * int)[]) =
        ArgumentNullException.ThrowIfNull(latents, nameof latents)

        let split =
            LayerWise(latents |> Array.map (fun struct (layer, count) -> layer, count))

        LatentSplit.checkFor (nameof latents) owner split layout
        next.Invoke { specification with Split = split }

    member _.WithSeed(seed: uint64) =
        next.Invoke { specification with Seed = seed }

    member _.WithFixedWeights(kind: FixedWeightsKind) =
        requireDefined (nameof kind) "kind of fixed weights" kind

        next.Invoke
            { specification with
                FixedWeights = kind }

    member _.WithAdditiveModulation(alpha: float) =
        modulatedBy (AdditiveModulation(MappingChecks.Finite(alpha, nameof alpha)))

    member _.WithModulation(name: string, matrix: Func<torch.Tensor, torch.Tensor>) =
        modulatedBy (MappingChecks.Custom(layout.Count, name, matrix))

    member _.WithLinearModulation(map: torch.Tensor) =
        modulatedBy (LinearModulation(MappingChecks.LinearMap(layout.Count, map)))

    member _.WithoutModulation() = modulatedBy NoModulation

    member _.WithActivation(activation: MappingActivation) =
        requireDefined (nameof activation) "activation" activation

        next.Invoke
            { specification with
                Activation = activation }

    member _.WithBias(bias: MappingBias) =
        requireDefined (nameof bias) "bias" bias
        next.Invoke { specification with Bias = bias }

    member _.WithGain(gain: float) =
        next.Invoke
            { specification with
                Scale = FanInScale(MappingChecks.Positive(gain, nameof gain)) }

    member _.WithScales([<ParamArray>] scales: float[]) =
        ArgumentNullException.ThrowIfNull(scales, nameof scales)
        Mapping.checkScales (nameof scales) owner layout scales

        next.Invoke
            { specification with
                Scale = ExplicitScale(Array.copy scales) }

    member _.WithTrainableScales() =
        next.Invoke
            { specification with
                TrainableScale = true }

    member _.StartingWithin(amplitude: float) =
        next.Invoke
            { specification with
                Start =
                    match MappingChecks.Finite(amplitude, nameof amplitude) with
                    | 0.0 -> ZeroStart
                    | amplitude -> UniformStart amplitude }

    override _.ToString() =
        $"{MappingSpecification.describe specification} -> {owner}, P = {layout.Count}"

[<Sealed>]
type MappingDescription private (layout: ParameterLayout, specification: MappingSpecification) =
    inherit
        MappingSteps<MappingDescription>(
            "the target network",
            layout,
            specification,
            Func<_, _>(fun changed -> MappingDescription(layout, changed))
        )

    static member For(layout: ParameterLayout) =
        ArgumentNullException.ThrowIfNull(layout, nameof layout)
        MappingDescription(layout, Mapping.defaults layout)

    member _.Build() =
        MappingChecks.Together specification
        Mapping.create layout specification
