namespace MappingNets

type MappingActivation =
    | Identity = 0
    | Tanh = 1
    | Sine = 2

type MappingBias =
    | Uniform = 0
    | Zero = 1

namespace MappingNets.Core

open System
open MappingNets

type ScaleRule =
    | FanInScale of gain: float
    | ExplicitScale of scales: float[]

type LatentStart =
    | ZeroStart
    | UniformStart of amplitude: float

type MappingSpecification =
    { Split: LatentSplit
      FixedWeights: FixedWeightsKind
      Seed: uint64
      Modulations: Modulation[]
      Activation: MappingActivation
      Bias: MappingBias
      Scale: ScaleRule
      TrainableScale: bool
      Start: LatentStart
      FixedWeightsVersion: int }

module MappingSpecification =

    let describe specification =
        let method =
            match specification.Split with
            | SingleLatent _ -> "SLVT"
            | LayerWise _ -> "LWT"

        let modulations =
            String.Join(", ", specification.Modulations |> Array.map Modulation.describe |> Array.distinct)

        let scale =
            match specification.Scale with
            | FanInScale gain -> FormattableString.Invariant $"gain {gain}"
            | ExplicitScale _ -> "scales of their own"

        let trainable =
            if specification.TrainableScale then
                ", trainable scales"
            else
                ""

        let start =
            match specification.Start with
            | ZeroStart -> "at 0"
            | UniformStart amplitude -> FormattableString.Invariant $"within {abs amplitude}"

        $"{method}, d = {LatentSplit.count specification.Split}, {specification.FixedWeights} weights of seed {specification.Seed}, "
        + $"modulation {modulations}, activation {specification.Activation}, bias {specification.Bias}, {scale}{trainable}, start {start}"
