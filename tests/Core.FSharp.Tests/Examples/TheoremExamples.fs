/// Random small mappings for the properties of the theorems' tests, all fixed by a seed.
module MappingNets.Core.Tests.TheoremExamples

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core

/// A vector (n) of doubles, uniform in [-1, 1).
let uniform (random: Random) (length: int64) =
    torch.tensor (Array.init (int length) (fun _ -> 2.0 * random.NextDouble() - 1.0))

/// A direction (n) of length 1.
let direction (random: Random) (length: int64) =
    let vector = uniform random length
    vector / vector.norm ()

let norm (vector: torch.Tensor) = vector.norm().ToDouble()

let layoutOf (random: Random) =
    ParameterLayout.create
        [ for layer in 1 .. random.Next(1, 4) do
              let fanIn = random.NextInt64(1L, 12L)
              yield $"layer{layer}.weight", [| random.NextInt64(1L, 12L); fanIn |], fanIn
              yield $"layer{layer}.bias", [| random.NextInt64(1L, 12L) |], fanIn ]

let linearModulation (random: Random) (layout: ParameterLayout) (latents: int) size =
    let d = int64 latents

    LinearModulation(
        (uniform random (layout.Count * d * d)).view (layout.Count, d, d)
        * (size: float).ToScalar()
    )

/// A mapping of random sizes, kind, activation, scales, split and modulation (none, additive up to alpha 0.5, or linear).
let mapping (random: Random) =
    let layout = layoutOf random
    let isSingle = random.Next 2 = 0

    let split =
        if isSingle then
            SingleLatent(random.Next(1, int (min layout.Count 12L) + 1))
        else
            layout.Layers
            |> Array.map (fun layer -> layer.Name, random.Next(1, int (min 6L layer.Count) + 1))
            |> LayerWise

    let modulation =
        match random.Next 3, isSingle with
        | 0, _ -> NoModulation
        | 1, true -> linearModulation random layout (LatentSplit.count split) 0.2
        | _ -> AdditiveModulation(random.NextDouble() - 0.5)

    let scale =
        if random.Next 2 = 0 then
            FanInScale(0.5 + random.NextDouble())
        else
            ExplicitScale(Array.init layout.Entries.Length (fun _ -> 2.0 * random.NextDouble() - 1.0))

    Mapping.create
        layout
        { Mapping.singleLatent 1 with
            Split = split
            FixedWeights =
                [| FixedWeightsKind.Dense
                   FixedWeightsKind.Hadamard
                   FixedWeightsKind.SignedPermutation |][random.Next 3]
            Seed = uint64 (random.Next())
            Modulations = [| modulation |]
            Activation = [| MappingActivation.Identity; MappingActivation.Tanh; MappingActivation.Sine |][random.Next 3]
            Scale = scale
            Bias = [| MappingBias.Zero; MappingBias.Uniform |][random.Next 2]
            Start = UniformStart 1.0 }

/// A property of random generators, the same ones in every run.
let property name body =
    testCase name (fun () ->
        for seed in 0..100 do
            use _ = torch.NewDisposeScope()

            try
                body (Random seed)
            with fault ->
                failtest $"Seed {seed}: {fault.Message}")

/// A fault of the kind whose message has all the parts.
let raises<'E when 'E :> exn> (parts: string list) (action: unit -> unit) =
    try
        action ()
        failtest "nothing was refused"
    with :? 'E as refusal ->
        for part in parts do
            Expect.stringContains refusal.Message part "the message"

/// g with 40 + 7 weights and another scale for the 7.
let curved activation modulation rows latents =
    let layout =
        ParameterLayout.create [ "a.weight", [| rows |], 4L; "a.bias", [| 7L |], 2L ]

    Mapping.create
        layout
        { Mapping.singleLatent latents with
            Seed = 11UL
            Activation = activation
            Modulations = [| modulation |] }

let startOf (mapping: Mapping) =
    uniform (Random 3) (int64 mapping.LatentCount) * 0.5.ToScalar()

/// A custom modulation for 47 weights: the only kind whose derivative goes through autograd.
let swirl =
    let matrix (z: torch.Tensor) =
        torch.outer (torch.linspace (-1.0, 1.0, 47L, dtype = z.dtype), (z * 2.0.ToScalar()).sin ())
        * 0.3.ToScalar()

    Modulation.ofMatrix "swirl" matrix
