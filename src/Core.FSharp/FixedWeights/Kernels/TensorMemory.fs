/// Direct access to the memory of dense CPU tensors, for the kernels of this assembly.
module internal MappingNets.Core.TensorMemory

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop
open TorchSharp

/// Whether a kernel may read the tensor's memory in place.
let isPlain (tensor: torch.Tensor) =
    tensor.device_type = DeviceType.CPU && tensor.is_contiguous ()

/// The address of a dense CPU tensor's first element. Only its first element is asked for, because a span over the whole
/// tensor would end at 2^31 bytes. The caller keeps the tensor alive while it uses the address.
let pointer<'T when 'T: unmanaged> (tensor: torch.Tensor) : nativeptr<'T> =
    use flat = tensor.view (-1L)
    use first = flat.narrow (0L, 0L, 1L)
    let bytes = first.bytes
    NativePtr.ofVoidPtr<'T> (Unsafe.AsPointer(&bytes.GetPinnableReference()))

/// The pointer `index` elements further on; indices beyond 2^31 are allowed.
let inline at (start: nativeptr<'T>) (index: int64) : nativeptr<'T> =
    NativePtr.ofNativeInt (NativePtr.toNativeInt start + nativeint index * nativeint sizeof<'T>)
