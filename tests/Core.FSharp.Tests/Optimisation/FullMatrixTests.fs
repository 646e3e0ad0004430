module MappingNets.Core.Tests.FullMatrixTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples
open MappingNets.Core.Tests.Refusals

let private settings = FullMatrix.standard

/// The running mean after all gradients, from 0.
let private averaged (gradients: torch.Tensor list) =
    let count = gradients.Head.shape[0]

    ((torch.zeros (count, count, dtype = torch.float64), gradients)
     ||> List.fold (FullMatrix.curvature settings))

/// C^-p in single precision of one gradient along an axis, whose eigenvectors hold zeros.
let private inverseOf settings =
    let curvature =
        FullMatrix.curvature settings (torch.zeros (2L, 2L)) (torch.tensor [| 1.0f; 0.0f |])

    FullMatrix.inversePower settings curvature 1L |> ignore

let private gradients (random: Random) count size =
    List.init count (fun _ -> uniform random (int64 size))

[<Tests>]
let tests =
    testList
        "FullMatrix"
        [ property "the curvature is the weighted mean of g g^T, newest first" (fun random ->
              let seen = gradients random 4 5

              let expected =
                  List.rev seen
                  |> List.mapi (fun age g ->
                      torch.outer (g, g)
                      * ((1.0 - settings.Decay) * Math.Pow(settings.Decay, float age)).ToScalar())
                  |> List.reduce (+)

              // libtorch takes the weight of a new gradient in single precision.
              near 1e-7 "C" expected (averaged seen))

          property "its inverse power solves the damped system, whatever p" (fun random ->
              let count = 1 + random.Next 8
              let size = 1 + random.Next 8
              let curvature = averaged (gradients random count size)
              let corrected = curvature / (1.0 - Math.Pow(settings.Decay, float count)).ToScalar()

              let damped =
                  corrected / corrected.diagonal().mean ()
                  + torch.eye (int64 size, dtype = torch.float64) * settings.Damping.ToScalar()

              let power p =
                  FullMatrix.inversePower { settings with Power = p } curvature (int64 count)

              let identity = torch.eye (int64 size, dtype = torch.float64)
              near 1e-8 "C^-1 C" identity ((power 1.0).matmul damped)
              near 1e-8 "C^-1/2 C^-1/2 C" identity ((power 0.5).matmul(power 0.5).matmul damped))

          property "a step goes downhill by the rate, whatever the unit of the loss" (fun random ->
              let size = 2 + random.Next 6
              let seen = gradients random 5 size
              let unit = Math.Pow(10.0, float (random.Next(-6, 7)))

              let stepOf (gradients: torch.Tensor list) =
                  let inverse = FullMatrix.inversePower settings (averaged gradients) 5L
                  FullMatrix.step settings inverse gradients.Head 0.02

              let step = stepOf seen
              Expect.isLessThan ((step.dot seen.Head).ToDouble()) 0.0 "downhill"

              Expect.floatClose
                  Accuracy.high
                  (step.norm().ToDouble())
                  (0.02 * settings.Length * sqrt (float size))
                  "length"

              near 1e-8 "the same in another unit" step (stepOf (seen |> List.map (fun g -> g * unit.ToScalar()))))

          test "a step is the same in any rotated coordinates, as Adam's is not" (fun () ->
              let random = Random 5
              let seen = gradients random 6 4

              let struct (rotation, _) =
                  torch.linalg.qr (uniform random 16L |> fun all -> all.reshape (4L, 4L))

              let stepOf (gradients: torch.Tensor list) =
                  let inverse = FullMatrix.inversePower settings (averaged gradients) 6L
                  FullMatrix.step settings inverse gradients.Head 0.1

              let rotated = seen |> List.map (fun g -> rotation.mv g)
              near 1e-9 "rotated" (rotation.mv (stepOf seen)) (stepOf rotated))

          test "where there was no gradient there is no step" (fun () ->
              let zero = torch.zeros (3L, dtype = torch.float64)
              let inverse = FullMatrix.inversePower settings (averaged [ zero ]) 1L
              same "R" (torch.eye (3L, dtype = torch.float64)) inverse
              same "step" zero (FullMatrix.step settings inverse zero 0.1))

          test "very small and very large means have a step of the same length in single precision" (fun () ->
              let inverse = torch.eye 2L
              let reference = FullMatrix.step settings inverse (torch.ones 2L) 0.1

              for size in [ 1e-37; 1e-30; 1e-12; 1e12; 1e20; 1e37 ] do
                  let mean = torch.full ([| 2L |], size.ToScalar(), dtype = torch.float32)
                  let step = FullMatrix.step settings inverse mean 0.1
                  near 1e-6 $"{size}" (reference.to_type torch.float64) (step.to_type torch.float64))

          test "double precision holds powers of the damping that single does not" (fun () ->
              for damping, power in [ 1e-46, 0.5; 1e-3, 13.0 ] do
                  let extreme =
                      { settings with
                          Damping = damping
                          Power = power }

                  let inverse =
                      FullMatrix.inversePower
                          extreme
                          (FullMatrix.curvature
                              extreme
                              (torch.zeros (2L, 2L, dtype = torch.float64))
                              (vector [ 1.0; 0.0 ]))
                          1L

                  Expect.all (numbers inverse) Double.IsFinite $"{damping}, {power}")

          for name, argument, fragment, work in
              [ "a curvature of another size",
                "curvature",
                "(2, 2); it must be (3, 3)",
                (fun () -> FullMatrix.curvature settings (torch.zeros (2L, 2L)) (torch.zeros 3L) |> ignore)
                "a curvature that is no square",
                "curvature",
                "(2, 3)",
                (fun () -> FullMatrix.inversePower settings (torch.zeros (2L, 3L)) 1L |> ignore)
                "a curvature that is a vector",
                "curvature",
                "(3); it must be (d, d)",
                (fun () -> FullMatrix.inversePower settings (torch.zeros 3L) 1L |> ignore)
                "a curvature of no latents",
                "curvature",
                "(0, 0); it must be (d, d) with a d of at least 1",
                (fun () -> FullMatrix.inversePower settings (torch.zeros (0L, 0L)) 1L |> ignore)
                "a curvature of no gradient",
                "steps",
                "at least 1",
                (fun () -> FullMatrix.inversePower settings (torch.zeros (2L, 2L)) 0L |> ignore)
                "a decay of 1",
                "Decay",
                "from 0 to below 1",
                (fun () ->
                    FullMatrix.inversePower { settings with Decay = 1.0 } (torch.zeros (2L, 2L)) 1L
                    |> ignore)
                "no damping",
                "Damping",
                "positive",
                (fun () ->
                    FullMatrix.inversePower { settings with Damping = 0.0 } (torch.zeros (2L, 2L)) 1L
                    |> ignore)
                "a damping that is 0 in single precision",
                "Damping",
                "to the power of -0.5 in the curvature's precision, Float32",
                (fun () -> inverseOf { settings with Damping = 1e-46 })
                "a damping whose power is infinite in single precision",
                "Damping",
                "to the power of -13",
                (fun () -> inverseOf { settings with Power = 13.0 })
                "a damping whose power is 0",
                "Damping",
                "It gives 0 to the power of -100",
                (fun () ->
                    inverseOf
                        { settings with
                            Damping = 10.0
                            Power = 100.0 })
                "a mean that is a matrix",
                "mean",
                "(2, 2); it must be (4)",
                (fun () ->
                    FullMatrix.step settings (torch.zeros (4L, 4L)) (torch.zeros (2L, 2L)) 0.1
                    |> ignore) ] do
              refuses name argument fragment work ]
