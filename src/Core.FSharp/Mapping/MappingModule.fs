namespace MappingNets.Core

open System
open TorchSharp
open MappingNets

[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Mapping =

    /// What a caller does to its arrays, or to those it is given, must not reach a mapping whose bounds are made once.
    let private withOwnArrays (specification: MappingSpecification) =
        { specification with
            Split =
                match specification.Split with
                | LayerWise counts -> LayerWise(Array.copy counts)
                | SingleLatent _ as split -> split
            Modulations = Array.copy specification.Modulations
            Scale =
                match specification.Scale with
                | ExplicitScale scales -> ExplicitScale(Array.copy scales)
                | FanInScale _ as scale -> scale }

    let specification (mapping: Mapping) = withOwnArrays mapping.Specification

    let singleLatent count =
        { Split = SingleLatent count
          FixedWeights = FixedWeightsKind.SignedPermutation
          Seed = 0UL
          Modulations = [| NoModulation |]
          Activation = MappingActivation.Identity
          Bias = MappingBias.Uniform
          Scale = FanInScale 1.0
          TrainableScale = false
          Start = ZeroStart
          FixedWeightsVersion = FixedWeights.currentVersion }

    let defaults (layout: ParameterLayout) =
        singleLatent (int (Math.Clamp(layout.Count / 53L, 1L, int64 Int32.MaxValue)))

    let scaledBy factor (specification: MappingSpecification) =
        { specification with
            Scale =
                match specification.Scale with
                | FanInScale gain -> FanInScale(gain * factor)
                | ExplicitScale scales -> ExplicitScale(scales |> Array.map (fun scale -> scale * factor)) }

    let checkScales argument owner layout scales =
        SpecificationChecks.checkScales argument owner layout scales

    let createUnchecked (layout: ParameterLayout) (specification: MappingSpecification) =
        let specification = withOwnArrays specification
        requireDefined (nameof specification) "activation" specification.Activation
        requireDefined (nameof specification) "bias" specification.Bias
        LatentSplit.check specification.Split layout
        let scales = SpecificationChecks.scalesOf layout specification.Scale

        let ranges = SpecificationChecks.ranges layout specification.Split

        let modulations =
            SpecificationChecks.modulations ranges.Length specification.Modulations

        let root = CounterHash.named "fixed-weights" (CounterHash.ofSeed specification.Seed)

        let pieces, _ =
            ranges
            |> Array.indexed
            |> Array.mapFold
                (fun firstLatent (index, (name, entries, count)) ->
                    let modulation = modulations index
                    let tensors = entries |> Array.map _.Count
                    Modulation.check modulation (Array.sum tensors) count

                    let weights =
                        FixedWeights.createOfVersion
                            specification.FixedWeightsVersion
                            specification.FixedWeights
                            (CounterHash.child (uint64 index) root)
                            tensors
                            count

                    MappingPiece(name, entries[0].Offset, firstLatent, weights, modulation), firstLatent + int64 count)
                0L

        new Mapping(layout, specification, pieces, scales, torch.float32, true)

    let create layout specification =
        SpecificationChecks.checkStart specification
        createUnchecked layout specification
