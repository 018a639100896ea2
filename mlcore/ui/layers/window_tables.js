const listening = new WeakSet()

// The numbers of the window that window.js marks, as tables: they come below the picture, on a narrow
// screen also below the controls, and follow the pointer without the server.
export default inOrder(function ({parentElement: root}) {
  const holder = root.querySelector('.arithmetic')
  const write = () => {
    if (holder.isConnected) holder.innerHTML = window.mlcoreConvolutionTables ?? ''
    else window.removeEventListener('mlcore.convolution.tables', write)
  }
  write()
  if (listening.has(root)) return
  listening.add(root)
  window.addEventListener('mlcore.convolution.tables', write)
})
