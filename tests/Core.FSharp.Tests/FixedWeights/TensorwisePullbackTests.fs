/// The gradient of z from one tensor at a time, from the last to the first: the bits of the pass over all of them and of the plain
/// definition.
module MappingNets.Core.Tests.TensorwisePullbackTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.Refusals

let private fusedOf (mapping: Mapping) =
    match mapping.Fused with
    | null -> failwith "The mapping is not fused."
    | fused -> fused

/// Each gradient exists only while it is added.
let private byTensor (mapping: Mapping) latent (gradientOf: int -> torch.Tensor) =
    use pullback = (fusedOf mapping).PullbackByTensor latent

    for index in mapping.Layout.Entries.Length - 1 .. -1 .. 0 do
        use gradient = gradientOf index
        pullback.Add(index, gradient)

    pullback.Result()

let private gradientsOf (mapping: Mapping) seed =
    let values = hashed seed "gradient" [ mapping.Layout.Count ]
    mapping.Layout.Split(values.to_type torch.float32)

let private holds (layout: ParameterLayout) specification =
    use _ = torch.NewDisposeScope()
    use mapping = Mapping.create layout specification
    let latent = mapping.InitialLatent().requires_grad_ ()
    let gradients = gradientsOf mapping 5UL
    let whole = (fusedOf mapping).PullbackOf(latent, gradients)
    let message = $"%A{specification.Split}, {layout.Signature}"

    byTensor mapping latent (fun index -> gradients[index].clone ())
    |> sameBits message whole

    if specification.Modulations = [| NoModulation |] then
        let theta = mapping.GenerateComposed latent

        torch.autograd.grad([| theta |], [| latent |], [| mapping.Layout.Join gradients |]).[0]
        |> sameBits $"plain definition, {message}" whole

/// Layers of a weight, sometimes a bias and sometimes two more small tensors, as batch norm has.
let private layoutOf (random: Random) layers =
    ParameterLayout.create
        [ for layer in 1..layers do
              let outputs = random.NextInt64(1L, 50L)
              let fanIn = random.NextInt64(1L, 60L)
              yield $"layer{layer}.weight", [| outputs; fanIn |], fanIn

              if random.Next 2 = 0 then
                  yield $"layer{layer}.bias", [| outputs |], fanIn

              if random.Next 2 = 0 then
                  yield $"norm{layer}.weight", [| outputs |], outputs
                  yield $"norm{layer}.bias", [| outputs |], outputs ]

let private specification (random: Random) kind modulation (layout: ParameterLayout) =
    let split =
        if random.Next 2 = 0 then
            SingleLatent(random.Next(1, int (min layout.Count 3000L) + 1))
        else
            layout.Layers
            |> Array.map (fun layer -> layer.Name, random.Next(1, int (min 300L layer.Count) + 1))
            |> LayerWise

    { Mapping.singleLatent 1 with
        Split = split
        FixedWeights = kind
        Modulations = [| modulation |]
        Start = UniformStart 1.0 }

/// 130 tensors, of which half are of 64 numbers, and 1.3 million weights: more runs than are summed at once.
let private manyTensors =
    lazy
        (ParameterLayout.create
            [ for layer in 1..65 do
                  yield $"layer{layer}.weight", [| 200L; 100L + int64 layer % 3L |], 100L
                  yield $"layer{layer}.bias", [| 64L |], 100L ])

[<Tests>]
let tests =
    testList
        "Fused generation, its gradient by tensor"
        [ for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              for modulation in [ NoModulation; AdditiveModulation 0.01 ] do
                  test $"{kind}, {Modulation.describe modulation}: the bits of the whole pass" {
                      for seed in 1..60 do
                          let random = Random(seed: int)
                          let layout = layoutOf random (random.Next(1, 8))
                          holds layout (specification random kind modulation layout)
                  }

              for columns in [ 16; 256; 1000; 2048; 20_000 ] do
                  test $"{kind}: the same on several cores, {columns} latents and many tensors" {
                      holds
                          manyTensors.Value
                          { Mapping.singleLatent columns with
                              FixedWeights = kind
                              Start = UniformStart 1.0 }
                  }

          test "a latent that is read as a view has the gradient of its elements" {
              use _ = torch.NewDisposeScope()
              let layout = layoutOf (Random 2) 3

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent 20 with
                          Modulations = [| AdditiveModulation 0.5 |]
                          Start = UniformStart 1.0 }

              let gradients = gradientsOf mapping 2UL
              let every = (hashed 1UL "z" [ 20L; 2L ]).to_type torch.float32
              let strided = every.select (1L, 1L)

              byTensor mapping strided (fun index -> gradients[index].clone ())
              |> sameBits "strided" ((fusedOf mapping).PullbackOf(strided.clone (), gradients))
          }

          test "a gradient that is not finite stays in its own pass" {
              use _ = torch.NewDisposeScope()
              let layout = layoutOf (Random 2) 4
              use mapping = Mapping.create layout (Mapping.singleLatent 50)
              let latent = torch.ones 50L

              let pass (value: float32) =
                  byTensor mapping latent (fun index -> torch.ones (layout.Entries[index].Shape) * value.ToScalar())

              let before = pass 1.0f
              pass Single.NaN |> ignore
              sameBits "after" before (pass 1.0f)
          }

          let refusing name argument part (body: TensorwisePullback -> unit) =
              refuses name argument part (fun () ->
                  use _ = torch.NewDisposeScope()
                  use mapping = Mapping.create (layoutOf (Random 1) 2) (Mapping.singleLatent 3)
                  use pullback = (fusedOf mapping).PullbackByTensor(torch.zeros 3L)
                  body pullback)

          refusing "a tensor out of its turn" "index" "from the last to the first" (fun pullback ->
              pullback.Add(0, torch.zeros 1L))

          test "a result before the first tensor has come is refused" {
              use mapping = Mapping.create (layoutOf (Random 1) 2) (Mapping.singleLatent 3)
              use pullback = (fusedOf mapping).PullbackByTensor(torch.zeros 3L)
              Expect.throwsT<InvalidOperationException> (fun () -> pullback.Result() |> ignore) "missing tensors"
          } ]

[<Tests>]
let large =
    testList
        "Gradient by tensor past 2^23 weights"
        [ for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              for columns in [ 512; 3000; 65536 ] do
                  test $"{kind}, {columns} latents" {
                      use _ = torch.NewDisposeScope()

                      let layout =
                          ParameterLayout.create
                              [ "a.weight", [| 1201L; 1100L |], 1100L
                                "a.bias", [| 1201L |], 1100L
                                "b.weight", [| 3001L; 2300L |], 2300L
                                "b.bias", [| 10L |], 2300L
                                "c.weight", [| 431L; 1000L |], 1000L
                                "c.bias", [| 7L |], 1000L ]

                      holds
                          layout
                          { Mapping.singleLatent columns with
                              FixedWeights = kind
                              Start = UniformStart 1.0 }
                  } ]
