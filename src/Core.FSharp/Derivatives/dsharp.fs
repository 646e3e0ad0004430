namespace MappingNets.Core

open System
open System.Collections
open TorchSharp

[<RequireQualifiedAccess>]
module dsharp =

    /// The numbers of nested sequences in order, and the shape.
    let rec private flatten (values: obj) : float list * int64 list =
        match values with
        | :? float as number -> [ number ], []
        | :? float32 as number -> [ float number ], []
        | :? int as number -> [ float number ], []
        | :? int64 as number -> [ float number ], []
        | :? string -> raise (ArgumentException("A string is no number.", "values"))
        // The elements of an array with several sizes come as one row.
        | :? Array as array when array.Rank > 1 ->
            let numbers = [ for item in array -> flatten item ]

            match List.distinct (List.map snd numbers) with
            | [ [] ]
            | [] -> List.collect fst numbers, [ for axis in 0 .. array.Rank - 1 -> int64 (array.GetLength axis) ]
            | _ ->
                raise (
                    ArgumentException("An array with several sizes holds sequences; it must hold numbers.", "values")
                )
        | :? IEnumerable as items ->
            let parts = [ for item in items -> flatten item ]

            match List.distinct (List.map snd parts) with
            | [] -> [], [ 0L ]
            | [ inner ] -> List.collect fst parts, int64 parts.Length :: inner
            | _ -> raise (ArgumentException("The parts differ in length.", "values"))
        | other -> raise (ArgumentException($"'{other}' is no number.", "values"))

    let tensor (values: obj) =
        let numbers, shape = flatten values
        use flat = torch.tensor (List.toArray numbers, dtype = torch.float64)
        flat.reshape(List.toArray shape).clone ()

    let stack (tensors: torch.Tensor seq) = torch.stack (Seq.toArray tensors, 0L)

    let private requireRank (argument: string) rank (tensor: torch.Tensor) =
        if tensor.dim () <> rank then
            raise (ArgumentException($"The shape is {shapeText tensor.shape}; it must have {rank} sizes.", argument))

    let toFloat (scalar: torch.Tensor) =
        requireRank (nameof scalar) 0L scalar
        scalar.ToDouble()

    let toFloats (vector: torch.Tensor) =
        requireRank (nameof vector) 1L vector
        use precise = vector.detach().cpu().to_type torch.float64
        precise.data<float>().ToArray() |> Array.toList

    let nest () = 0u

    let noDiff (tensor: torch.Tensor) = tensor.detach ()

    let primal (tensor: torch.Tensor) = tensor.detach ()

    let reverseDiff (_: uint32) (tensor: torch.Tensor) =
        if not (tensor.is_floating_point ()) then
            raise (
                ArgumentException(
                    $"The tensor is {tensor.dtype}; only floating-point tensors have derivatives.",
                    nameof tensor
                )
            )

        tensor.detach().clone().requires_grad_ ()

    let reverse (value: torch.Tensor) (tensor: torch.Tensor) =
        if value.shape <> tensor.shape then
            raise (
                ArgumentException(
                    $"The adjoint has the shape {shapeText value.shape}, the tensor {shapeText tensor.shape}.",
                    nameof value
                )
            )

        if not tensor.requires_grad then
            raise (ArgumentException("The tensor depends on no leaf that reverseDiff made.", nameof tensor))

        tensor.backward (grad_tensors = [| value |])

    let derivative (tensor: torch.Tensor) =
        match tensor.grad with
        | null -> torch.zeros_like (tensor.detach ())
        | adjoint -> adjoint.clone ()

    // Derivatives by autograd.
    let diff f x = Differentiation.diff f x
    let fdiff f x = Differentiation.fdiff f x
    let diffn n f x = Differentiation.diffn n f x
    let fdiffn n f x = Differentiation.fdiffn n f x
    let ffdiffn n f x = Differentiation.ffdiffn n f x
    let diff2 f x = Differentiation.diff2 f x
    let fdiff2 f x = Differentiation.fdiff2 f x
    let grad f x = Differentiation.grad f x
    let fgrad f x = Differentiation.fgrad f x
    let gradv f x v = Differentiation.gradv f x v
    let fgradv f x v = Differentiation.fgradv f x v
    let jacobian f x = Differentiation.jacobian f x
    let fjacobian f x = Differentiation.fjacobian f x
    let jacobianv f x v = Differentiation.jacobianv f x v
    let fjacobianv f x v = Differentiation.fjacobianv f x v
    let jacobianTv f x v = Differentiation.jacobianTv f x v
    let fjacobianTv f x v = Differentiation.fjacobianTv f x v
    let hessian f x = Differentiation.hessian f x
    let fhessian f x = Differentiation.fhessian f x
    let hessianv f x v = Differentiation.hessianv f x v
    let fhessianv f x v = Differentiation.fhessianv f x v
    let gradhessian f x = Differentiation.gradhessian f x
    let fgradhessian f x = Differentiation.fgradhessian f x
    let gradhessianv f x v = Differentiation.gradhessianv f x v
    let fgradhessianv f x v = Differentiation.fgradhessianv f x v
    let laplacian f x = Differentiation.laplacian f x
    let flaplacian f x = Differentiation.flaplacian f x
    let curl f x = Differentiation.curl f x
    let fcurl f x = Differentiation.fcurl f x
    let divergence f x = Differentiation.divergence f x
    let fdivergence f x = Differentiation.fdivergence f x
    let curldivergence f x = Differentiation.curldivergence f x
    let fcurldivergence f x = Differentiation.fcurldivergence f x

    // Finite differences; epsilon is the step.
    let numdiff epsilon f x =
        NumericalDifferentiation.numdiff epsilon f x

    let numfdiff epsilon f x =
        NumericalDifferentiation.numfdiff epsilon f x

    let numdiff2 epsilon f x =
        NumericalDifferentiation.numdiff2 epsilon f x

    let numfdiff2 epsilon f x =
        NumericalDifferentiation.numfdiff2 epsilon f x

    let numgrad epsilon f x =
        NumericalDifferentiation.numgrad epsilon f x

    let numfgrad epsilon f x =
        NumericalDifferentiation.numfgrad epsilon f x

    let numgradv epsilon f x v =
        NumericalDifferentiation.numgradv epsilon f x v

    let numfgradv epsilon f x v =
        NumericalDifferentiation.numfgradv epsilon f x v

    let numjacobian epsilon f x =
        NumericalDifferentiation.numjacobian epsilon f x

    let numfjacobian epsilon f x =
        NumericalDifferentiation.numfjacobian epsilon f x

    let numjacobianv epsilon f x v =
        NumericalDifferentiation.numjacobianv epsilon f x v

    let numfjacobianv epsilon f x v =
        NumericalDifferentiation.numfjacobianv epsilon f x v

    let numjacobianTv epsilon f x v =
        NumericalDifferentiation.numjacobianTv epsilon f x v

    let numfjacobianTv epsilon f x v =
        NumericalDifferentiation.numfjacobianTv epsilon f x v

    let numhessian epsilon f x =
        NumericalDifferentiation.numhessian epsilon f x

    let numfhessian epsilon f x =
        NumericalDifferentiation.numfhessian epsilon f x

    let numhessianv epsilon f x v =
        NumericalDifferentiation.numhessianv epsilon f x v

    let numfhessianv epsilon f x v =
        NumericalDifferentiation.numfhessianv epsilon f x v

    let numgradhessian epsilon f x =
        NumericalDifferentiation.numgradhessian epsilon f x

    let numfgradhessian epsilon f x =
        NumericalDifferentiation.numfgradhessian epsilon f x

    let numgradhessianv epsilon f x v =
        NumericalDifferentiation.numgradhessianv epsilon f x v

    let numfgradhessianv epsilon f x v =
        NumericalDifferentiation.numfgradhessianv epsilon f x v

    let numlaplacian epsilon f x =
        NumericalDifferentiation.numlaplacian epsilon f x

    let numflaplacian epsilon f x =
        NumericalDifferentiation.numflaplacian epsilon f x

    let numcurl epsilon f x =
        NumericalDifferentiation.numcurl epsilon f x

    let numfcurl epsilon f x =
        NumericalDifferentiation.numfcurl epsilon f x

    let numdivergence epsilon f x =
        NumericalDifferentiation.numdivergence epsilon f x

    let numfdivergence epsilon f x =
        NumericalDifferentiation.numfdivergence epsilon f x

    let numcurldivergence epsilon f x =
        NumericalDifferentiation.numcurldivergence epsilon f x

    let numfcurldivergence epsilon f x =
        NumericalDifferentiation.numfcurldivergence epsilon f x

    // DiffSharp's short forms.
    let g f x = grad f x
    let fg f x = fgrad f x
    let gvp f x v = gradv f x v
    let fgvp f x v = fgradv f x v
    let h f x = hessian f x
    let fh f x = fhessian f x
    let hvp f x v = hessianv f x v
    let fhvp f x v = fhessianv f x v
    let gh f x = gradhessian f x
    let fgh f x = fgradhessian f x
    let ghvp f x v = gradhessianv f x v
    let fghvp f x v = fgradhessianv f x v
    let j f x = jacobian f x
    let fj f x = fjacobian f x
    let jvp f x v = jacobianv f x v
    let fjvp f x v = fjacobianv f x v
    let vjp f x v = jacobianTv f x v
    let fvjp f x v = fjacobianTv f x v
    let numg epsilon f x = numgrad epsilon f x
    let numfg epsilon f x = numfgrad epsilon f x
    let numgvp epsilon f x v = numgradv epsilon f x v
    let numfgvp epsilon f x v = numfgradv epsilon f x v
    let numh epsilon f x = numhessian epsilon f x
    let numfh epsilon f x = numfhessian epsilon f x
    let numhvp epsilon f x v = numhessianv epsilon f x v
    let numfhvp epsilon f x v = numfhessianv epsilon f x v
    let numgh epsilon f x = numgradhessian epsilon f x
    let numfgh epsilon f x = numfgradhessian epsilon f x
    let numghvp epsilon f x v = numgradhessianv epsilon f x v
    let numfghvp epsilon f x v = numfgradhessianv epsilon f x v
    let numj epsilon f x = numjacobian epsilon f x
    let numfj epsilon f x = numfjacobian epsilon f x
    let numjvp epsilon f x v = numjacobianv epsilon f x v
    let numfjvp epsilon f x v = numfjacobianv epsilon f x v
    let numvjp epsilon f x v = numjacobianTv epsilon f x v
    let numfvjp epsilon f x v = numfjacobianTv epsilon f x v
